// Sessions of libraries from npm, sealed and opened as each calls itself in a request.
//
// Takes {sessions, rounds, seconds, warmUp} as JSON on its input; prints, for each library and session, the
// cookie's length and the microseconds of each round, as this process's own time on the processor.

import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import secureSession from '@fastify/secure-session'
import clientSessions from 'client-sessions'
import fastify from 'fastify'
import { sealData, unsealData } from 'iron-session'
import * as jose from 'jose'
import Keygrip from 'keygrip'

const MAX_AGE = 14 * 86_400
const secret = randomBytes(32).toString('hex')

function cookieSession() {
  // Its middleware does this inline, with Keygrip.
  const keys = new Keygrip([secret])
  return {
    seal: (data) => {
      const value = Buffer.from(JSON.stringify(data)).toString('base64')
      return `${value};${keys.sign(`session=${value}`)}` // two cookies
    },
    open: (cookies) => {
      const [value, signature] = cookies.split(';')
      if (keys.index(`session=${value}`, signature) < 0) throw new Error('forged')
      return JSON.parse(Buffer.from(value, 'base64').toString('utf8'))
    },
  }
}

function clientSession() {
  const options = { cookieName: 'session', secret, duration: MAX_AGE * 1000 }
  const { encode, decode } = clientSessions.util
  return {
    seal: (data) => encode(options, data, options.duration),
    open: (cookie) => decode(options, cookie).content,
  }
}

function ironSession() {
  const options = { password: secret, ttl: MAX_AGE }
  return { seal: (data) => sealData(data, options), open: (cookie) => unsealData(cookie, options) }
}

async function fastifySession() {
  const app = fastify()
  app.register(secureSession, { key: randomBytes(32), expiry: MAX_AGE })
  await app.ready()
  return {
    seal: (data) => {
      const session = app.createSecureSession({ ...data }) // it adds its time
      return encodeURIComponent(app.encodeSecureSession(session)) // as @fastify/cookie does
    },
    open: (cookie) => app.decodeSecureSession(decodeURIComponent(cookie)).data(),
  }
}

function joseSession() {
  const key = randomBytes(32)
  const header = { alg: 'dir', enc: 'A256GCM' }
  return {
    seal: (data) =>
      new jose.CompactEncrypt(new TextEncoder().encode(JSON.stringify(data)))
        .setProtectedHeader(header)
        .encrypt(key),
    open: async (cookie) =>
      JSON.parse(new TextDecoder().decode((await jose.compactDecrypt(cookie, key)).plaintext)),
  }
}

const LIBRARIES = {
  'cookie-session': cookieSession(),
  'client-sessions': clientSession(),
  'iron-session': ironSession(),
  '@fastify/secure-session': await fastifySession(),
  jose: joseSession(),
}

async function microseconds(call, repeats) {
  const start = process.cpuUsage()
  for (let count = 0; count < repeats; count++) await call()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / repeats
}

async function rounds(call, how) {
  let each = await microseconds(call, 10)
  for (let left = how.warmUp * 1e6; left > 0; left -= each * 10) each = await microseconds(call, 10)
  const repeats = Math.max(1, Math.floor((how.seconds * 1e6) / each))
  const figures = []
  for (let round = 0; round < how.rounds; round++) figures.push(await microseconds(call, repeats))
  return figures
}

const how = JSON.parse(await text(process.stdin))
const results = {}
for (const [library, { seal, open }] of Object.entries(LIBRARIES)) {
  results[library] = {}
  for (const [name, data] of Object.entries(how.sessions)) {
    const cookie = await seal(data)
    if (JSON.stringify(await open(cookie)) !== JSON.stringify(data)) {
      throw new Error(`${library} gives something else back`)
    }
    results[library][name] = {
      length: cookie.length,
      seal: await rounds(() => seal(data), how),
      open: await rounds(() => open(cookie), how),
    }
  }
}
console.log(JSON.stringify(results))
