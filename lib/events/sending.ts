import { describeError } from '../runtime/errors.ts';
import type { Tracing } from '../runtime/tracing.ts';
import { headerNames } from './envelope.ts';
import type { Headers, Message } from './message.ts';
import type { Trace } from './trace.ts';

export interface Sending {
  readonly message: Message;
  /** Ends the span of the publish. Call `end` once, with the error if the message was not published. */
  end(error?: unknown): void;
}

/**
 * Starts the span of a publish, and returns the message with the span in its trace headers. Returns the message
 * unchanged if no spans are recorded.
 */
export function startSending(
  tracing: Tracing | undefined,
  message: Message,
  { parent, isCopy = false }: { readonly parent?: Partial<Trace>; readonly isCopy?: boolean },
): Sending {
  const { exchange, routingKey, body, properties } = message;
  const span = tracing?.start({
    name: `send ${exchange || routingKey}`,
    kind: 'producer',
    parent,
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': [exchange, routingKey].filter(Boolean).join(':'),
      'messaging.rabbitmq.destination.routing_key': routingKey,
      'messaging.message.id': properties.messageId,
      'messaging.message.conversation_id': properties.correlationId,
      'messaging.message.body.size': body.length,
    },
  });
  if (!span) return { message, end: () => {} };
  const { traceparent, tracestate, baggage } = span.trace;
  const added: Headers = isCopy
    ? { [headerNames.previousSpan]: traceparent }
    : { traceparent, ...(tracestate && { tracestate }), ...(baggage && { baggage }) };
  return {
    message: { ...message, properties: { ...properties, headers: { ...properties.headers, ...added } } },
    end(error) {
      if (error) {
        const { code, message: text } = describeError(error);
        span.fail(code, text);
      }
      span.end();
    },
  };
}
