// An update with Emmett: its command handler and its event store on PostgreSQL, behind Express.
import { CommandHandler } from '@event-driven-io/emmett';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { randomUUID } from 'node:crypto';
import express from 'express';

const [port, databaseUrl] = process.argv.slice(2);
const store = getPostgreSQLEventStore(databaseUrl);
await store.schema.migrate();

const lines = [0, 1, 2].map((number) => ({
  id: randomUUID(),
  type: 'offer',
  quantity: 2,
  offer: { id: `0-${number}`, version: 'v-1', name: `Offer 0-${number}`, path: `/offers/0-${number}` },
  price: { amount: '10.00', currency: 'GBP', interval: null },
}));
const initialState = () => ({ lines: [] });
const evolve = (state, { type, data }) => {
  switch (type) {
    case 'Initiated':
      return { lines: data.lines };
    case 'QuantityChanged':
      return { lines: state.lines.map((held, at) => (at === data.line ? { ...held, quantity: data.quantity } : held)) };
    default:
      return state;
  }
};
const handle = CommandHandler({ evolve, initialState });

const application = express();
application.use(express.json());
application.post('/initiate', async (_request, response) => {
  const id = randomUUID();
  await handle(store, id, () => ({ type: 'Initiated', data: { lines } }));
  response.json({ id });
});
application.put('/update', async (request, response) => {
  const { id, line, quantity } = request.body;
  const { newState, nextExpectedStreamVersion } = await handle(store, id, () => ({
    type: 'QuantityChanged',
    data: { line, quantity },
  }));
  response.json({ id, version: nextExpectedStreamVersion.toString(), orderItems: newState.lines });
});
application.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
