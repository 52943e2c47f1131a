// Opens cookies of format 1. Written from docs/format.md alone: the section names and the numbered
// steps here are those of that page. Node 20, standard library only.

import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Refused, check, u16, u32, unpackBody } from './body.mjs';

const demand = (condition, reason) => { if (!condition) throw new Refused(reason); };

// ---------------------------------------------------------------------------------------- Text

export function base64urlDecode(text) {
  check(/^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1, 'not base64url');
  const raw = Buffer.from(text, 'base64url');
  check(raw.toString('base64url') === text, 'unused bits that are not zero');
  return raw;
}

// ---------------------------------------------------------------------------------------- Keys

const hmac = (key, ...parts) =>
  parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest();

function hkdfExpand(prk, info, length) {
  let block = Buffer.alloc(0);
  let out = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    block = hmac(prk, block, info, Buffer.of(i));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

const lengthPrefixed = (text) => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u16(bytes.length), bytes]);
};

export function deriveKeys(secret, name, namespace) {
  const prk = hmac(Buffer.from('cookiesession/1'), secret); // HKDF-Extract: the salt is the HMAC key
  const context = Buffer.concat([lengthPrefixed(name), lengthPrefixed(namespace)]);
  const derive = (label, length) =>
    hkdfExpand(prk, Buffer.concat([Buffer.from(`cookiesession/1 ${label}\0`), context]), length);
  return {
    kid: derive('kid', 3).toString('base64url'),
    encRoot: derive('enc', 32),
    signKey: derive('sign', 32),
    fingerprint: hkdfExpand(prk, Buffer.from('cookiesession/1 fingerprint'), 6),
    logKey: hkdfExpand(prk, Buffer.from('cookiesession/1 log'), 32),
    retired: false,
  };
}

const epochOf = (issued) => Math.floor(issued / 2 ** 14); // issued >> 14, but issued has 40 bits
const epochKey = (encRoot, issued) =>
  hkdfExpand(encRoot, Buffer.concat([Buffer.from('cookiesession/1 epoch\0'), u32(epochOf(issued))]), 32);

export function keyText(secret) {
  const sum = createHash('sha256').update('ck1_').update(secret).digest();
  return 'ck1_' + Buffer.concat([secret, sum.subarray(0, 4)]).toString('base64url');
}

// --------------------------------------------------------------------------------- Inner block

function parseInner(inner, issued) {
  const flags = inner[0];
  const padding = flags & 0x1f;
  check(((flags >> 5) & 3) === 0, 'reserved codec');
  let at = 5;
  let own = 0;
  if (flags & 0x80) {
    own = inner.readUInt32BE(at);
    check(own !== 0, 'own lifetime of 0');
    at += 4;
  }
  const age = inner.readUInt32BE(1);
  check(age <= issued, 'age greater than issued');
  const end = inner.length - padding;
  check(at + 9 < end, 'no body');
  check(inner.subarray(end).every((byte) => byte === 0), 'padding that is not zero');
  return {
    created: issued - age,
    forgotten: own >= 0x80000000,
    remembered: own % 0x80000000,
    sid: inner.subarray(at, at + 9),
    body: inner.subarray(at + 9, end),
  };
}

function checkEnd(session, issued, now, settings) {
  const { created, remembered } = session;
  const idleEnd = issued + settings.idleTimeout;
  const absoluteEnd = created + settings.absoluteTimeout;
  const end = remembered
    ? created + Math.min(remembered, settings.rememberTimeout)
    : Math.min(idleEnd, absoluteEnd);
  if (now - end > 60) throw new Refused(!remembered && idleEnd < absoluteEnd ? 'idle_expired' : 'expired');
}

// ------------------------------------------------------------------------------------- Reading

const sameText = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function readAuthentic(text, key, now, settings) {
  // 5. base64url; issued
  const raw = base64urlDecode(text.slice(1, -44));
  const issued = raw.readUIntBE(3, 5);
  demand(issued <= now + 300, 'not_yet_valid');
  demand(issued >= settings.issuedAfter, 'issued_too_early');
  // 6. GCM
  const inner = decrypt(raw, epochKey(key.encRoot, issued));
  // 7. inner block; end
  const session = parseInner(inner, issued);
  checkEnd(session, issued, now, settings);
  // 8. body
  return { ...session, issued, ...unpackBody(session.body) };
}

function decrypt(raw, key) {
  check(raw.length >= 36, 'too short');
  const gcm = createDecipheriv('aes-256-gcm', key, raw.subarray(8, 20), { authTagLength: 16 });
  gcm.setAAD(Buffer.concat([Buffer.from('1'), raw.subarray(0, 8)]));
  gcm.setAuthTag(raw.subarray(-16));
  const inner = gcm.update(raw.subarray(20, -16));
  try {
    gcm.final();
  } catch {
    throw new Refused('bad_ciphertext');
  }
  return inner;
}

export function readText(text, ring, clock, settings) {
  const now = Math.floor(clock);
  // 1. length and alphabet
  demand(text.length >= 113 && text.length <= 4093 * settings.maxCookies, 'malformed');
  demand(/^[\x00-\x7f]*$/.test(text), 'malformed');
  // 2. version
  demand(text[0] === '1', 'unknown_format');
  // 3. the dot; the key
  demand(text.at(-44) === '.', 'malformed');
  const keys = ring.filter((key) => !key.retired && sameText(key.kid, text.slice(1, 5)));
  demand(keys.length > 0, 'unknown_key');
  // 4. signature, compared as text
  const signed = text.slice(0, -44);
  const key = keys.find(({ signKey }) =>
    sameText(hmac(signKey, signed).toString('base64url'), text.slice(-43)));
  demand(key !== undefined, 'bad_signature');
  // 5. to 8.
  try {
    return readAuthentic(text, key, now, settings);
  } catch (error) {
    throw error instanceof Refused ? error : new Refused('bad_payload', error.message);
  }
}

// ---------------------------------------------------- Sessions that do not fit one cookie

const SPLIT = /^~([2-9]|1[0-9]|20)\.([A-Za-z0-9_-]{8})\.([^]*)$/;

// Assembly k takes the k-th occurrence of each name, or its last.
function assemble(cookieName, occurrences, k) {
  const take = (name) => occurrences.get(name)?.[Math.min(k, occurrences.get(name).length - 1)];
  const first = take(cookieName);
  demand(first !== undefined, 'missing');
  const head = SPLIT.exec(first);
  if (head === null) return first; // not cut: the value is the whole text
  const [, n, tag, part0] = head;
  const parts = [part0];
  for (let i = 1; i < Number(n); i++) parts.push(take(`${cookieName}.${tag}.${i}`));
  demand(!parts.includes(undefined), 'incomplete');
  const text = parts.join('');
  demand(text.slice(-43, -35) === tag, 'malformed');
  return text;
}

// cookies: [name, value] pairs in the order of the Cookie header; cookieName: with its prefix.
// Of several valid texts the one issued last, of equals the first; else the first refusal.
export function openCookies(cookieName, cookies, ring, now, settings) {
  const occurrences = new Map();
  for (const [name, text] of cookies) {
    occurrences.set(name, [...(occurrences.get(name) ?? []), text]);
  }
  let best;
  let refusal;
  for (let k = 0; k < 4; k++) {
    try {
      const session = readText(assemble(cookieName, occurrences, k), ring, now, settings);
      if (best === undefined || session.issued > best.issued) best = session;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refusal ??= error;
    }
  }
  return best ? { status: 'valid', ...best } : { status: refusal.reason, detail: refusal.message };
}
