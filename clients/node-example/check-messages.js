// Checks every message of the given topics: a conformant CloudEvent, whose data fits the schema that it names.
import { readdirSync, readFileSync } from 'node:fs'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { createConsumer, stopAtCtrlC, toCloudEvent } from './kafka.js'

const schemas = new URL('../../docs/schemas/', import.meta.url)
const ajv = addFormats(new Ajv({ allErrors: true }))
for (const name of readdirSync(schemas).filter((each) => each.endsWith('.json'))) {
  ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas))))
}

/** What is wrong with a message; null for nothing. */
function findProblem(message) {
  try {
    const event = toCloudEvent(message)
    const fits = ajv.getSchema(event.dataschema)
    if (!fits) return `its schema is not known: ${event.dataschema}`
    return fits(event.data) ? null : ajv.errorsText(fits.errors)
  } catch (error) {
    return error.message
  }
}

const topics = process.argv.slice(2)
const consumer = createConsumer(`node-example-check-${process.pid}`)
await consumer.connect()
await consumer.subscribe({ topics: topics.length ? topics : ['checkout.basket-events.v1'], fromBeginning: true })
stopAtCtrlC(consumer)
await consumer.run({
  eachMessage: async ({ topic, partition, message }) => {
    const problem = message.value === null ? null : findProblem(message) // a tombstone has no data
    if (problem) process.exitCode = 1
    console.log(`${topic} ${message.headers.ce_id} ${problem ?? 'ok'}`)
  },
})
