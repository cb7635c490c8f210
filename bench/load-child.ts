import { runLoad, type LoadOrder } from './load-client.ts';

/** The load generator's process: takes one order after another from its parent and answers with the figures. */
process.on('message', (order: LoadOrder) => {
  runLoad(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
