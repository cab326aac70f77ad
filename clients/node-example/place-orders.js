// An order service: places an order from every basket that is ready, and reads what became of it.
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { createConsumer, createProducer, stopAtCtrlC, toCloudEvent, toMessage } from './kafka.js'

const url = process.env.CHECKOUT_URL ?? 'http://localhost:8080'
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', url))
const consumer = createConsumer(process.argv[2] ?? 'node-example-orders')
const producer = createProducer()

/** The claims of a promise. Throws a JOSEError if it must not be trusted, any other error if it cannot be checked. */
async function readPromise(token) {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: ['EdDSA'],
    issuer: 'urn:checkout:promises',
    typ: 'checkout-promise+jwt',
    requiredClaims: ['exp', 'basketId', 'basketVersion'],
  })
  return payload
}

async function placeOrder({ id, data: verdict }) {
  if (!verdict.ready || !verdict.promise) return
  let promised
  try {
    promised = await readPromise(verdict.promise)
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) throw error // it is tried again
    console.log(`${verdict.id}: no order, because the promise does not hold: ${error.message}`)
    return
  }
  const { basketId, basketVersion, total } = promised
  // Named after the verdict: if this verdict is read twice, its report has the same id and takes effect once.
  const orderId = `node-${basketId}-${basketVersion}`
  const report = { id, source: '/order-services/node-example', type: 'checkout.orders.v1', partitionkey: basketId }
  const message = toMessage(report, { basketId, orderId, promise: verdict.promise })
  await producer.send({ topic: 'checkout.orders.v1', messages: [message] })
  console.log(`${basketId}: placed ${orderId} over ${total?.amount ?? 'several totals'} ${total?.currency ?? ''}`)
}

function printResult({ data: result }) {
  if (!result.orderId?.startsWith('node-')) return // another order service's
  console.log(`${result.basketId}: ${result.outcome} ${result.orderId} ${result.code ?? ''}`)
}

const handlers = {
  'checkout.validation-result.v1': placeOrder,
  'checkout.order-result.v1': printResult,
}

await Promise.all([consumer.connect(), producer.connect()])
const topics = ['checkout.validation-results.v1', 'checkout.order-results.v1']
await consumer.subscribe({ topics, fromBeginning: true })
stopAtCtrlC(consumer, producer)
await consumer.run({
  // The position is committed after a message was handled: at least once.
  eachMessage: async ({ message }) => {
    const event = toCloudEvent(message)
    await handlers[event.type]?.(event) // types that are not known here are passed over
  },
})
