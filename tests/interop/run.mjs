// Runs the opener over tests/vectors/v1: node run.mjs [directory]. One line a failure, then a
// summary; exit status 1 on a failure, or when there is no vector. The layout of a vector and of
// tagged JSON is in tests/vectors/README.md.

import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { decimalText } from './body.mjs';
import { deriveKeys, openCookies } from './open.mjs';

// -------------------------------------------------------------------------------- Tagged JSON

const tag = ($type, value, more = {}) => ({ $type, value, ...more });
const pad = (n, width = 2) => String(n).padStart(width, '0');
const isPlain = (key) => key.t === 'str' && !key.v.startsWith('$');

function tagInt(n) {
  return n >= -(2n ** 53n) && n <= 2n ** 53n ? Number(n) : tag('int', n.toString());
}

function tagFloat(bits) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(bits);
  const number = bytes.readDoubleBE();
  return Number.isFinite(number) && !Number.isInteger(number) ? number : tag('float', bytes.toString('hex'));
}

function tagDict(pairs) {
  return pairs.every(([key]) => isPlain(key))
    ? Object.fromEntries(pairs.map(([key, value]) => [key.v, toTagged(value)]))
    : tag('dict', pairs.map(([key, value]) => [toTagged(key), toTagged(value)]));
}

function dayText(ordinal) { // 719163 is 1970-01-01
  return new Date((ordinal - 719163) * 86400000).toISOString().slice(0, 10);
}

const clockText = (v) => `${pad(v.hour)}:${pad(v.minute)}:${pad(v.second)}.${pad(v.micro, 6)}`;
const momentText = (v) => `${pad(v.year, 4)}-${pad(v.month)}-${pad(v.day)}T${clockText(v)}`;

export function toTagged({ t, v }) {
  switch (t) {
    case 'nil': case 'bool': case 'str': return v;
    case 'int': case 'bigint': return tagInt(v);
    case 'float': return tagFloat(v);
    case 'list': return v.map(toTagged);
    case 'dict': return tagDict(v);
    case 'tuple': case 'set': case 'frozenset': return tag(t, v.map(toTagged));
    case 'bytes': case 'uuid': return tag(t, v.toString('hex'));
    case 'html': return tag(t, v);
    case 'decimal': return tag(t, decimalText(v));
    case 'date': return tag(t, dayText(v));
    case 'time': return tag(t, clockText(v), { fold: v.fold });
    case 'timedelta': return tag(t, [v.days, v.seconds, v.micro]);
    case 'datetime': case 'datetime_utc': case 'datetime_offset':
      return tag('datetime', momentText(v), { fold: v.fold, offset: v.offset ?? null });
    default: throw new Error(`no tagged JSON for ${t}`);
  }
}

// The members of a set have no order: both sides are sorted alike before they are compared.
function sorted(json) {
  if (Array.isArray(json)) return json.map(sorted);
  if (json === null || typeof json !== 'object') return json;
  const keys = Object.keys(json).sort();
  const copy = Object.fromEntries(keys.map((key) => [key, sorted(json[key])]));
  if (copy.$type === 'set' || copy.$type === 'frozenset') {
    const texts = copy.value.map((member) => [JSON.stringify(member), member]);
    copy.value = texts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, member]) => member);
  }
  return copy;
}

// ------------------------------------------------------------------------------------ Vectors

export function openVector(vector) {
  const ring = [deriveKeys(Buffer.from(vector.secret, 'hex'), vector.name, vector.namespace)];
  return openCookies(`__Host-${vector.name}`, vector.cookies, ring, vector.now, {
    idleTimeout: vector.idle_timeout,
    absoluteTimeout: vector.absolute_timeout,
    rememberTimeout: vector.remember_timeout,
    issuedAfter: vector.issued_after,
    maxCookies: vector.max_cookies,
  });
}

function report(result) { // in the form of a vector's "expect"
  if (result.status !== 'valid') return { status: result.status };
  return {
    status: result.status,
    sid: result.sid.toString('hex'),
    issued: result.issued,
    created: result.created,
    remembered: result.remembered,
    forgotten: result.forgotten,
    body: result.body.toString('hex'),
    data: sorted(toTagged(result.data)),
  };
}

function differences(vector) { // one text for each member that is not as expected
  const result = openVector(vector);
  const got = report(result);
  const expect = { ...vector.expect };
  if ('data' in expect) expect.data = sorted(expect.data);
  if (got.status !== expect.status) {
    return [`status is ${got.status} (${result.detail ?? ''}), expected ${expect.status}`];
  }
  return [...new Set([...Object.keys(expect), ...Object.keys(got)])]
    .filter((key) => !isDeepStrictEqual(got[key], expect[key]))
    .map((key) => `${key} is ${JSON.stringify(got[key])}, expected ${JSON.stringify(expect[key])}`);
}

function main(directory) {
  const files = existsSync(directory)
    ? readdirSync(directory).filter((file) => file.endsWith('.json')).sort()
    : [];
  let failed = 0;
  for (const file of files) {
    let wrong;
    try {
      wrong = differences(JSON.parse(readFileSync(`${directory}/${file}`, 'utf8')));
    } catch (error) {
      wrong = [`the opener broke: ${error.message}`];
    }
    if (wrong.length === 0) continue;
    failed++;
    console.log(`${file}: ${wrong.join('; ')}`);
  }
  console.log(`${files.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || files.length === 0 ? 1 : 0;
}

main(process.argv[2] ?? fileURLToPath(new URL('../vectors/v1', import.meta.url)));
