// The broker, and Kafka messages as CloudEvents and back.
import { CloudEvent, Kafka as KafkaBinding } from 'cloudevents'
import { Kafka, Partitioners, logLevel } from 'kafkajs'

const brokers = (process.env.CHECKOUT_KAFKA_BOOTSTRAP_SERVERS ?? 'localhost:9092').split(',')
const kafka = new Kafka({ clientId: 'node-example', brokers, logLevel: logLevel.WARN })

/** A consumer of committed messages only (`readUncommitted` is false unless you set it). */
export function createConsumer(groupId) {
  return kafka.consumer({
    groupId,
    maxBytesPerPartition: 16 * 1024 * 1024, // the largest message
    // The broker of `checkout up` waits half a session for other members, and a whole fetch for messages.
    sessionTimeout: 10_000,
    maxWaitTimeInMs: 250,
  })
}

/** It places keys as Java's client does, so that a basket's reports share a partition whoever sends them. */
export function createProducer() {
  return kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
}

/** The CloudEvent of a message. Throws ValidationError if it is none. */
export function toCloudEvent({ key, value, headers }) {
  // kafkajs gives bytes, the SDK expects text.
  const text = Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()])
  const event = KafkaBinding.toEvent({ key: key?.toString(), value, headers: Object.fromEntries(text) })
  event.validate()
  return event
}

/** The message of a CloudEvent whose data is JSON. */
export function toMessage(attributes, data) {
  const event = new CloudEvent({ datacontenttype: 'application/json', ...attributes, data })
  const { key, headers } = KafkaBinding.binary(event)
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  return { key, value: JSON.stringify(data), headers: Object.fromEntries(given) }
}

/** Ends the program at Ctrl-C, once its clients have left their groups. */
export function stopAtCtrlC(...clients) {
  const stop = () => Promise.allSettled(clients.map((client) => client.disconnect())).finally(() => process.exit())
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)
}
