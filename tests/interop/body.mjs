// The body of a cookie of format 1: the msgpack map, its types and the name table. Written from
// docs/format.md alone; the section names are those of that page.

import { inflateRawSync } from 'node:zlib';

export class Refused extends Error {
  constructor(reason, detail = reason) {
    super(detail);
    this.reason = reason;
  }
}

const bad = (detail) => { throw new Refused('bad_payload', detail); };
export const check = (condition, detail) => { if (!condition) bad(detail); };

export const u16 = (n) => { const b = Buffer.alloc(2); b.writeUInt16BE(n); return b; };
export const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const i32 = (n) => { const b = Buffer.alloc(4); b.writeInt32BE(n); return b; };

// ------------------------------------------------------------------------------ The name table

const NAMES = `
_auth_user_id _auth_user_backend _auth_user_hash _password_reset_token _session_expiry _messages
_csrftoken _language testcookie otp_device_id django_two_factor-qr_secret_key hijack_history
_impersonate _impersonate_start oidc_states oidc_login_next oidc_access_token oidc_id_token
oidc_id_token_expiration _saml2_subject_id _saml2_identities account_login account_verified_email
account_email_verification_code account_authentication_methods account_authentication_methods_user
account_reauthentication_state _password_reset_key socialaccount_state socialaccount_states
socialaccount_sociallogin mfa.webauthn.state social_auth_last_login_backend partial_pipeline_token
google-oauth2_state github_state facebook_state _flashes _permanent _user_id _fresh _id _remember
_remember_seconds csrf_token csrf identity.id identity.auth_type fs_cc fs_paa fs_gexp tf_state
tf_user_id tf_primary_method tf_remember_login tf_totp_secret google_oauth_token google_oauth_state
github_oauth_token github_oauth_state oidc_auth_token oidc_auth_profile page_history oauth_provider
_token_cache _auth_flow _logged_in_user _csrft_ auth.userid _f_ state nonce code_verifier
oauth_state oauth_token oauth_token_secret access_token refresh_token id_token token_type expires_at
scope sub userinfo credentials user user_id username user_email email role permissions is_admin
is_authenticated logged_in last_activity roles tenant_id next next_url locale language lang timezone
theme cart cart_id order_id coupon_id currency recently_viewed chat_history
`.trim().split(/\s+/);
const INDEX = new Map(NAMES.map((name, index) => [name, index]));
if (NAMES.length !== 112 || INDEX.size !== 112) throw new Error('the name table has 112 names');

// ------------------------------------------------------------------------- Body: types of code 4-12
// A value is { t: type, v: JavaScript value }. Every scalar extension has a reader from its data and
// a writer back to it; a writer that gives other bytes makes the body non-canonical.

const within = (n, low, high, what) => { check(n >= low && n <= high, `${what} out of range`); return n; };
const FOLD = 0x80000000;

function bigFromTwos(data) {
  check(data.length > 0, 'empty int');
  return BigInt.asIntN(8 * data.length, BigInt('0x' + data.toString('hex')));
}

function bigToTwos(n) {
  let length = 1;
  while (BigInt.asIntN(8 * length, n) !== n) length++;
  return Buffer.from(BigInt.asUintN(8 * length, n).toString(16).padStart(2 * length, '0'), 'hex');
}

// Decimal: { sign, digits, exponent } | { sign, special, payload }, as Python's Decimal.as_tuple().
const DECIMAL = /^(-?)(?:([0-9]+)(?:\.([0-9]+))?(?:E([+-][0-9]+))?|(Infinity|s?NaN)([0-9]*))$/;
const EMAX = 999999999999999999n;

function decimalParse(text) {
  const match = DECIMAL.exec(text) ?? bad('not a Decimal');
  const [, sign, whole, fraction = '', exponent = '0', special, payload] = match;
  if (special) {
    check(special !== 'Infinity' || payload === '', 'not a Decimal');
    return { sign, special, payload: payload.replace(/^0+/, '') };
  }
  const digits = (whole + fraction).replace(/^0+(?=.)/, '');
  const value = { sign, digits, exponent: BigInt(exponent) - BigInt(fraction.length) };
  check(value.exponent + BigInt(digits.length) - 1n <= EMAX, 'Decimal too large');
  check(value.exponent >= -2n * EMAX + 1n, 'Decimal too small');
  return value;
}

export function decimalText({ sign, digits, exponent, special, payload }) {
  if (special) return sign + special + payload;
  const left = exponent + BigInt(digits.length); // digits left of the point
  if (exponent > 0n || left <= -6n) {
    const power = left - 1n;
    const mantissa = digits[0] + (digits.length > 1 ? '.' + digits.slice(1) : '');
    return sign + mantissa + 'E' + (power < 0n ? '' : '+') + power;
  }
  if (exponent === 0n) return sign + digits;
  if (left <= 0n) return sign + '0.' + '0'.repeat(Number(-left)) + digits;
  return sign + digits.slice(0, Number(left)) + '.' + digits.slice(Number(left));
}

const isLeap = (y) => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
const daysInMonth = (y, m) => [31, isLeap(y) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1];
function ordinal(y, m, d) {
  const before = y - 1;
  let days = before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + d;
  for (let i = 1; i < m; i++) days += daysInMonth(y, i);
  return days;
}
const LAST_ORDINAL = ordinal(9999, 12, 31);

const sized = (data, length) => check(data.length === length, `extension of ${data.length} bytes`);

function readTime(data) { // u8 hour, u8 minute, u8 second, u32 microseconds with fold
  sized(data, 7);
  const last = data.readUInt32BE(3);
  return {
    hour: within(data[0], 0, 23, 'hour'),
    minute: within(data[1], 0, 59, 'minute'),
    second: within(data[2], 0, 59, 'second'),
    micro: within(last % FOLD, 0, 999999, 'microseconds'),
    fold: last >= FOLD ? 1 : 0,
  };
}
const writeTime = (v) =>
  Buffer.concat([Buffer.of(v.hour, v.minute, v.second), u32(v.micro + v.fold * FOLD)]);

function readDatetime(data) { // u16 year, u8 month, u8 day, then as a time
  sized(data, 11);
  const year = within(data.readUInt16BE(0), 1, 9999, 'year');
  const month = within(data[2], 1, 12, 'month');
  const day = within(data[3], 1, daysInMonth(year, month), 'day');
  return { year, month, day, ...readTime(data.subarray(4)) };
}
const writeDatetime = (v) => Buffer.concat([u16(v.year), Buffer.of(v.month, v.day), writeTime(v)]);

const SCALARS = {
  4: {
    t: 'bigint',
    read(data) {
      const n = bigFromTwos(data);
      check(n < -(2n ** 63n) || n >= 2n ** 64n, 'int within the range of msgpack');
      return n;
    },
    write: bigToTwos,
  },
  5: { t: 'uuid', read: (data) => { sized(data, 16); return data; }, write: (v) => v },
  6: {
    t: 'decimal',
    read: (data) => decimalParse(data.toString('latin1')),
    write: (v) => Buffer.from(decimalText(v), 'latin1'),
  },
  7: {
    t: 'date',
    read: (data) => { sized(data, 4); return within(data.readUInt32BE(), 1, LAST_ORDINAL, 'ordinal'); },
    write: u32,
  },
  8: { t: 'time', read: readTime, write: writeTime },
  9: {
    t: 'timedelta',
    read(data) {
      sized(data, 12);
      return {
        days: within(data.readInt32BE(0), -999999999, 999999999, 'days'),
        seconds: within(data.readUInt32BE(4), 0, 86399, 'seconds'),
        micro: within(data.readUInt32BE(8), 0, 999999, 'microseconds'),
      };
    },
    write: (v) => Buffer.concat([i32(v.days), u32(v.seconds), u32(v.micro)]),
  },
  10: { t: 'datetime', read: readDatetime, write: writeDatetime },
  11: { t: 'datetime_utc', read: (data) => ({ ...readDatetime(data), offset: 0 }), write: writeDatetime },
  12: {
    t: 'datetime_offset',
    read(data) {
      sized(data, 15);
      const offset = within(data.readInt32BE(11), -86399, 86399, 'offset');
      check(offset !== 0, 'an offset of zero is type 11');
      return { ...readDatetime(data.subarray(0, 11)), offset };
    },
    write: (v) => Buffer.concat([writeDatetime(v), i32(v.offset)]),
  },
};
const MARKS = { 1: 'tuple', 2: 'set', 3: 'frozenset', 13: 'html' }; // arrays with a leading extension
const COMPRESSED = 90;
const codeOf = Object.fromEntries([
  ...Object.entries(SCALARS).map(([code, { t }]) => [t, Number(code)]),
  ...Object.entries(MARKS).map(([code, t]) => [t, Number(code)]),
]);

// --------------------------------------------------------------------- Body: equality of dict keys
// Two keys are duplicates where a Python dict takes them for one: 1, 1.0, True and Decimal("1") are
// equal; so are a str and the same HTML-safe text. A NaN equals nothing. Lists, sets and dicts, and
// tuples that hold one, are not hashable; nor is a signalling NaN.

let nans = 0;

function numberKey(negative, coefficient, exponent) { // coefficient x 10^exponent, normalized
  if (coefficient === 0n) return 'n0';
  const digits = coefficient.toString();
  const trimmed = digits.replace(/0+$/, '');
  return `n${negative ? '-' : ''}${trimmed}e${exponent + BigInt(digits.length - trimmed.length)}`;
}

function floatKey(bits) {
  const negative = bits >> 63n === 1n;
  const power = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  if (power === 0x7ff) return fraction ? `nan${nans++}` : `n${negative ? '-' : ''}inf`;
  const mantissa = power ? fraction | (1n << 52n) : fraction;
  const shift = Math.max(power, 1) - 1075; // the float is mantissa x 2^shift
  return shift >= 0
    ? numberKey(negative, mantissa << BigInt(shift), 0n)
    : numberKey(negative, mantissa * 5n ** BigInt(-shift), BigInt(shift));
}

function decimalKey({ sign, digits, exponent, special }) {
  check(special !== 'sNaN', 'a signalling NaN is not hashable');
  if (special === 'NaN') return `nan${nans++}`;
  return special ? `n${sign}inf` : numberKey(sign !== '', BigInt(digits), exponent);
}

function momentKey(v) { // fold takes no part in equality; an aware datetime is its moment in UTC
  const clock = (v.hour * 60 + v.minute) * 60 + v.second - (v.offset ?? 0);
  const days = v.year === undefined ? 0 : ordinal(v.year, v.month, v.day);
  return `${days * 86400 + clock}.${v.micro}`;
}

function equalityKey({ t, v }) {
  switch (t) {
    case 'nil': return 'nil';
    case 'bool': return numberKey(false, v ? 1n : 0n, 0n);
    case 'int': case 'bigint': return numberKey(v < 0n, v < 0n ? -v : v, 0n);
    case 'float': return floatKey(v);
    case 'decimal': return decimalKey(v);
    case 'str': case 'html': return 's' + JSON.stringify(v);
    case 'bytes': case 'uuid': return `${t}:${v.toString('hex')}`;
    case 'date': return `date:${v}`;
    case 'timedelta': return `timedelta:${v.days}:${v.seconds}:${v.micro}`;
    case 'time': case 'datetime': return `${t}:${momentKey(v)}`;
    case 'datetime_utc': case 'datetime_offset': return `aware:${momentKey(v)}`;
    case 'tuple': return `(${v.map(equalityKey).join(',')})`;
    case 'frozenset': return `{${v.map(equalityKey).sort().join(',')}}`;
    default: return bad(`${t} is not hashable`);
  }
}

function checkDistinct(values) {
  check(new Set(values.map(equalityKey)).size === values.length, 'duplicate keys or members');
}

// ------------------------------------------------------------------------------ Body: unpacking
// Takes longer forms too: the comparison with the packed bytes refuses those.

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const MAX_DEPTH = 32;

class Reader {
  constructor(data) { this.data = data; this.at = 0; }

  take(length) {
    check(length <= this.data.length - this.at, 'the data end early');
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  uint(length) { return this.take(length).readUIntBE(0, length); }
  atEnd() { return this.at === this.data.length; }

  value(depth) { // depth: of the container that this value stands in; 0 outside all
    const b = this.uint(1);
    if (b <= 0x7f) return { t: 'int', v: BigInt(b) };
    if (b <= 0x8f) return this.map(b & 0x0f, depth + 1);
    if (b <= 0x9f) return this.array(b & 0x0f, depth + 1);
    if (b <= 0xbf) return this.str(b & 0x1f);
    if (b >= 0xe0) return { t: 'int', v: BigInt(b - 256) };
    switch (b) {
      case 0xc0: return { t: 'nil', v: null };
      case 0xc2: case 0xc3: return { t: 'bool', v: b === 0xc3 };
      case 0xc4: case 0xc5: case 0xc6: return { t: 'bytes', v: this.take(this.uint(1 << (b - 0xc4))) };
      case 0xc7: case 0xc8: case 0xc9: return this.extension(this.uint(1 << (b - 0xc7)));
      case 0xcb: return { t: 'float', v: this.take(8).readBigUInt64BE() };
      case 0xcc: case 0xcd: case 0xce: return { t: 'int', v: BigInt(this.uint(1 << (b - 0xcc))) };
      case 0xcf: return { t: 'int', v: this.take(8).readBigUInt64BE() };
      case 0xd0: return { t: 'int', v: BigInt(this.take(1).readInt8()) };
      case 0xd1: return { t: 'int', v: BigInt(this.take(2).readInt16BE()) };
      case 0xd2: return { t: 'int', v: BigInt(this.take(4).readInt32BE()) };
      case 0xd3: return { t: 'int', v: this.take(8).readBigInt64BE() };
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.extension(1 << (b - 0xd4));
      case 0xd9: case 0xda: case 0xdb: return this.str(this.uint(1 << (b - 0xd9)));
      case 0xdc: return this.array(this.uint(2), depth + 1);
      case 0xdd: return this.array(this.uint(4), depth + 1);
      case 0xde: return this.map(this.uint(2), depth + 1);
      case 0xdf: return this.map(this.uint(4), depth + 1);
      default: return bad(`byte ${b.toString(16)}`); // c1 is unused, ca is float32
    }
  }

  str(length) { return { t: 'str', v: utf8.decode(this.take(length)) }; }

  map(count, depth) {
    check(depth <= MAX_DEPTH, 'too deep');
    const v = [];
    for (let i = 0; i < count; i++) v.push([this.value(depth), this.value(depth)]);
    checkDistinct(v.map(([key]) => key));
    return { t: 'dict', v };
  }

  array(count, depth) {
    check(depth <= MAX_DEPTH, 'too deep');
    const mark = count > 0 ? this.mark() : undefined;
    const v = [];
    for (let i = mark ? 1 : 0; i < count; i++) v.push(this.value(depth));
    if (mark === 'html') {
      check(v.length === 1 && v[0].t === 'str', 'HTML-safe text is one str');
      return { t: mark, v: v[0].v };
    }
    if (mark === 'set' || mark === 'frozenset') checkMembers(v);
    return { t: mark ?? 'list', v };
  }

  mark() { // c7 00 code, the first element of an extension array
    const [first, length, code] = this.data.subarray(this.at, this.at + 3);
    if (first !== 0xc7 || length !== 0 || !MARKS[code]) return undefined;
    this.at += 3;
    return MARKS[code];
  }

  extension(length) {
    const code = this.take(1).readInt8();
    const data = this.take(length);
    if (code === COMPRESSED) return { t: 'compressed', v: data };
    const { t, read } = SCALARS[code] ?? bad(`extension ${code}`);
    return { t, v: read(data) };
  }
}

function checkMembers(members) {
  checkDistinct(members);
  const packed = members.map(pack);
  for (let i = 1; i < packed.length; i++) {
    check(Buffer.compare(packed[i - 1], packed[i]) < 0, 'members not in ascending order');
  }
}

// -------------------------------------------------------------------------------- Body: packing

function head(n, small, bases) { // small: [byte, limit] of the form in one byte; bases: by 1, 2, 4 bytes
  if (small && n < small[1]) return Buffer.of(small[0] | n);
  if (n < 0x100 && bases[0]) return Buffer.of(bases[0], n);
  if (n < 0x10000) return Buffer.concat([Buffer.of(bases[1]), u16(n)]);
  return Buffer.concat([Buffer.of(bases[2]), u32(n)]);
}

function packInt(n) {
  if (n >= 0n && n < 128n) return Buffer.of(Number(n));
  if (n < 0n && n >= -32n) return Buffer.of(Number(n + 256n));
  for (let i = 0; i < 4; i++) { // of two forms of one length, one that is not negative is a uint
    const bits = 8 << i;
    const fits = n < 0n ? BigInt.asIntN(bits, n) === n : BigInt.asUintN(bits, n) === n;
    if (!fits) continue;
    const hex = BigInt.asUintN(bits, n).toString(16).padStart(bits / 4, '0');
    return Buffer.concat([Buffer.of((n < 0n ? 0xd0 : 0xcc) + i), Buffer.from(hex, 'hex')]);
  }
  return bad('int out of range');
}

function packExtension(code, data) {
  const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
  const start = fixed >= 0 ? Buffer.of(0xd4 + fixed) : head(data.length, null, [0xc7, 0xc8, 0xc9]);
  return Buffer.concat([start, Buffer.of(code), data]);
}

const packArray = (parts) => Buffer.concat([head(parts.length, [0x90, 16], [0, 0xdc, 0xdd]), ...parts]);
const packMap = (pairs) => Buffer.concat([head(pairs.length, [0x80, 16], [0, 0xde, 0xdf]), ...pairs.flat()]);

export function pack({ t, v }) {
  switch (t) {
    case 'nil': return Buffer.of(0xc0);
    case 'bool': return Buffer.of(v ? 0xc3 : 0xc2);
    case 'int': return packInt(v);
    case 'float': { const b = Buffer.alloc(9, 0xcb); b.writeBigUInt64BE(v, 1); return b; }
    case 'str': {
      const bytes = Buffer.from(v, 'utf8');
      return Buffer.concat([head(bytes.length, [0xa0, 32], [0xd9, 0xda, 0xdb]), bytes]);
    }
    case 'bytes': return Buffer.concat([head(v.length, null, [0xc4, 0xc5, 0xc6]), v]);
    case 'list': return packArray(v.map(pack));
    case 'dict': return packMap(v.map(([key, value]) => [pack(key), pack(value)]));
    case 'tuple': case 'set': case 'frozenset':
      return packArray([packExtension(codeOf[t], Buffer.alloc(0)), ...v.map(pack)]);
    case 'html':
      return packArray([packExtension(codeOf[t], Buffer.alloc(0)), pack({ t: 'str', v })]);
    case 'compressed': return packExtension(COMPRESSED, v);
    default: return packExtension(codeOf[t], SCALARS[codeOf[t]].write(v));
  }
}

// ---------------------------------------------------------------------- Body: the top-level map

const MAX_INFLATED = 65536;

function unpackExactly(data, depth) {
  const reader = new Reader(data);
  const value = reader.value(depth);
  check(reader.atEnd(), 'trailing bytes');
  check(pack(value).equals(data), 'not canonical');
  return value;
}

const holdsCompressed = ({ t, v }) =>
  t === 'compressed' || (Array.isArray(v) && v.flat().some(holdsCompressed));

function topLevelKey({ t, v }) {
  if (t === 'int') return NAMES[within(v, 0n, 111n, 'name index')];
  check(t === 'str' && !INDEX.has(v), 'top-level key that is no string, or has an index');
  return v;
}

function inflate(data, room) {
  check(room > 0, 'too much inflated');
  const { buffer, engine } = inflateRawSync(data, { info: true, maxOutputLength: room });
  check(engine.bytesWritten === data.length, 'data after the deflate stream');
  check(buffer.length > packExtension(COMPRESSED, data).length, 'compression did not shorten');
  return buffer;
}

export function unpackBody(body) {
  const map = unpackExactly(body, 0);
  check(map.t === 'dict', 'not a map');
  let room = MAX_INFLATED;
  const plain = [];
  const data = [];
  for (const [key, stored] of map.v) {
    const name = topLevelKey(key);
    let value = stored;
    if (stored.t === 'compressed') {
      const inflated = inflate(stored.v, room);
      room -= inflated.length;
      value = unpackExactly(inflated, 1); // it stands in the body map, which is depth 1
    }
    check(!holdsCompressed(value), 'compressed value in an inner place');
    plain.push([key, value]);
    data.push([{ t: 'str', v: name }, value]);
  }
  return { body: pack({ t: 'dict', v: plain }), data: { t: 'dict', v: data } };
}
