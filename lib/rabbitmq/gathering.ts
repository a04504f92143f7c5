import type { Socket } from 'node:net';

/**
 * Lets what is published on a connection within one turn of the event loop go out in one write: amqplib makes one for each
 * message, which costs more than all else in a publish. The function is to be called after each publish.
 */
export function gathering(socket: Socket): () => void {
  let isCorked = false;
  const uncork = () => {
    isCorked = false;
    socket.uncork();
  };
  return () => {
    if (isCorked) return;
    isCorked = true;
    socket.cork();
    // amqplib hands on what was published in an immediate that it asks for in the next tick; this one comes right after.
    process.nextTick(() => setImmediate(uncork));
  };
}
