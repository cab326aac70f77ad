import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Requests } from '../requests.js'

const event = (basket, version, requestindex, requestcount) => ({
  source: `/partner/checkout/baskets/${basket}`,
  id: `${basket}/${version}`,
  subject: basket,
  requestindex: String(requestindex),
  requestcount: String(requestcount),
})

const names = (request) => request?.map(({ id }) => id)

test('a request comes as one, once its last event is there', () => {
  const requests = new Requests()
  assert.equal(requests.add(0, event('b', 1, 1, 2)), null)
  assert.equal(requests.isComplete(0), false)
  assert.deepEqual(names(requests.add(0, event('b', 2, 2, 2))), ['b/1', 'b/2'])
  assert.equal(requests.isComplete(0), true)
})

test('requests of several baskets and partitions are kept apart', () => {
  const requests = new Requests()
  requests.add(0, event('b', 1, 1, 2))
  assert.deepEqual(names(requests.add(0, event('c', 1, 1, 1))), ['c/1'])
  assert.equal(requests.isComplete(0), false)
  assert.equal(requests.isComplete(1), true)
  assert.deepEqual(names(requests.add(0, event('b', 2, 2, 2))), ['b/1', 'b/2'])
})

test('a request lies in two partitions while partitions are added', () => {
  const requests = new Requests()
  requests.add(0, event('b', 1, 1, 2))
  assert.deepEqual(names(requests.add(7, event('b', 2, 2, 2))), ['b/1', 'b/2'])
  assert.equal(requests.isComplete(0), true)
})

test('an event that comes again is left out', () => {
  const requests = new Requests()
  requests.add(0, event('b', 1, 1, 2))
  requests.add(0, event('b', 1, 1, 2))
  assert.deepEqual(names(requests.add(0, event('b', 2, 2, 2))), ['b/1', 'b/2'])
  assert.equal(requests.add(0, event('b', 1, 1, 2)), null)
  assert.equal(requests.add(0, event('b', 2, 2, 2)), null)
  assert.equal(requests.isComplete(0), true)
})

test('after a rebalance a request that was cut comes whole', () => {
  const requests = new Requests()
  requests.add(0, event('b', 1, 1, 2))
  requests.restart()
  assert.equal(requests.isComplete(0), true)
  requests.add(0, event('b', 1, 1, 2))
  assert.deepEqual(names(requests.add(0, event('b', 2, 2, 2))), ['b/1', 'b/2'])
})

test('an event from before these attributes stands for itself', () => {
  const old = { source: '/partner/checkout', id: 'b/1', subject: 'b' }
  assert.deepEqual(names(new Requests().add(0, old)), ['b/1'])
})
