// Prints every event of every basket, request by request, each once.
import { createConsumer, stopAtCtrlC, toCloudEvent } from './kafka.js'
import { Requests } from './requests.js'

const consumer = createConsumer(process.argv[2] ?? 'node-example-events')
const requests = new Requests()

function print(request) {
  const [{ subject, partnerorg }] = request
  console.log(`${subject} of ${partnerorg}: a request with ${request.length} event(s)`)
  for (const { sequence, type, data } of request) {
    console.log(`  ${Number(sequence)} ${type} ${JSON.stringify(data)}`)
  }
}

consumer.on(consumer.events.GROUP_JOIN, () => requests.restart())
await consumer.connect()
await consumer.subscribe({ topic: 'checkout.basket-events.v1', fromBeginning: true })
stopAtCtrlC(consumer)
await consumer.run({
  eachBatchAutoResolve: false,
  eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) return
      const request = requests.add(batch.partition, toCloudEvent(message))
      if (request) print(request)
      // Whoever stops between two events of a request gets both again.
      if (requests.isComplete(batch.partition)) resolveOffset(message.offset)
      await heartbeat()
    }
  },
})
