// Puts the events of one request together, each event once.

const REMEMBERED = 100_000

/**
 * One request of a caller makes one event or several. They belong together: a basket between two of them is one that
 * nobody asked for. `requestindex` and `requestcount` say which event of how many this is.
 */
export class Requests {
  #open = new Map() // partition -> basket -> requestindex -> event
  #seen = new Set()

  /** The events of a request once all have come; null while some are missing, or for an event that was seen before. */
  add(partition, event) {
    if (this.#seen.has(nameOf(event))) return null
    // Events from before these attributes stand for themselves.
    const { requestindex = '1', requestcount = '1' } = event
    const baskets = this.#open.get(partition) ?? new Map()
    const events = baskets.get(event.subject) ?? new Map()
    this.#open.set(partition, baskets.set(event.subject, events.set(Number(requestindex), event)))
    if (events.size < Number(requestcount)) return null
    baskets.delete(event.subject)
    const request = [...events.values()].sort((one, other) => one.requestindex - other.requestindex)
    request.forEach((each) => this.#remember(nameOf(each)))
    return request
  }

  /** Whether no request of the partition waits for events, so that the position may be committed. */
  isComplete(partition) {
    return !this.#open.get(partition)?.size
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
