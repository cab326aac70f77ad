// Puts the events of one request together, each event once.

const REMEMBERED = 100_000

/**
 * One request of a caller makes one event or several. They belong together: a basket between two of them is one that
 * nobody asked for. `requestindex` and `requestcount` say which event of how many this is.
 */
export class Requests {
  #open = new Map() // basket -> requestindex -> {event, partition}
  #seen = new Set()

  /** The events of a request once all have come; null while some are missing, or for an event that was seen before. */
  add(partition, event) {
    if (this.#seen.has(nameOf(event))) return null
    // Events from before these attributes stand for themselves.
    const { requestindex = '1', requestcount = '1' } = event
    const parts = this.#open.get(event.subject) ?? new Map()
    this.#open.set(event.subject, parts.set(Number(requestindex), { event, partition }))
    if (parts.size < Number(requestcount)) return null
    this.#open.delete(event.subject)
    const request = [...parts].sort(([one], [other]) => one - other).map(([, part]) => part.event)
    request.forEach((each) => this.#remember(nameOf(each)))
    return request
  }

  /** Whether no event of the partition waits for others of its request, so that the position may be committed. */
  isComplete(partition) {
    return ![...this.#open.values()].some((parts) => [...parts.values()].some((part) => part.partition === partition))
  }

  /** Forgets requests that wait: after a rebalance their events come again. */
  restart() {
    this.#open.clear()
  }

  #remember(name) {
    this.#seen.add(name)
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value)
  }
}

/** Source and id together name one event. */
function nameOf({ source, id }) {
  return `${source} ${id}`
}
