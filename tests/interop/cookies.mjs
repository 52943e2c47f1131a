// What Node's libraries make of cookies: reads one JSON request from its input, answers in JSON.
//   {"read": [Cookie headers], "name": ...}      -> what `cookie` finds under the name, or null
//   {"store": [Set-Cookie lines], "url": ...}    -> for each, what `tough-cookie` sends back, and sees
//   {"write": [[name, value, attributes], ...]}  -> the Set-Cookie lines of `cookie`

import { readFileSync } from "node:fs";
import { parseCookie, stringifySetCookie } from "cookie";
import { CookieJar } from "tough-cookie";

const request = JSON.parse(readFileSync(0, "utf8"));

function read(header) {
  return parseCookie(header)[request.name] ?? null;
}

function store(line) {
  const jar = new CookieJar();
  const cookie = jar.setCookieSync(line, request.url);
  return { sent: jar.getCookieStringSync(request.url), seen: cookie.toJSON() };
}

function write([name, value, attributes]) {
  return stringifySetCookie({ name, value, ...attributes });
}

const [work, items] = request.read ? [read, request.read]
  : request.store ? [store, request.store]
  : [write, request.write];
console.log(JSON.stringify(items.map(work)));
