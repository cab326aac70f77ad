// An update with Emmett: its command handler and its event store on PostgreSQL, behind Express.
import { CommandHandler } from '@event-driven-io/emmett';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { randomUUID } from 'node:crypto';
import express from 'express';

const [port, databaseUrl] = process.argv.slice(2);
const store = getPostgreSQLEventStore(databaseUrl);
await store.schema.migrate();

const initialState = () => ({ quantities: [] });
const evolve = (state, { type, data }) => {
  switch (type) {
    case 'Initiated':
      return { quantities: data.quantities };
    case 'QuantityChanged':
      return { quantities: state.quantities.map((held, line) => (line === data.line ? data.quantity : held)) };
    default:
      return state;
  }
};
const handle = CommandHandler({ evolve, initialState });

const application = express();
application.use(express.json());
application.post('/initiate', async (_request, response) => {
  const id = randomUUID();
  await handle(store, id, () => ({ type: 'Initiated', data: { quantities: [2, 2, 2] } }));
  response.json({ id });
});
application.put('/update', async (request, response) => {
  const { id, line, quantity } = request.body;
  const { newState, nextExpectedStreamVersion } = await handle(store, id, () => ({
    type: 'QuantityChanged',
    data: { line, quantity },
  }));
  response.json({ id, version: nextExpectedStreamVersion.toString(), quantities: newState.quantities });
});
application.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
