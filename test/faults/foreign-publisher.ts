import { createHash, randomUUID } from 'node:crypto';
import { connect, type ChannelModel, type ConfirmChannel, type Options } from 'amqplib';

import { exchanges } from '../../infra/topology.ts';
import { propertyBytes, type GivenProperties } from '../support/amqp-arbitraries.ts';
import { aRawPublisher, type RawPublisher } from '../support/raw-publisher.ts';
import type { Answer } from '../model/invariants.ts';
import type { Ledger, SentMessage, SentOrder } from './ledger.ts';
import { bodyOf, consumers as orderConsumers, type PlannedOrder } from './orders.ts';

export interface ForeignMessage {
  readonly body: Buffer;
  readonly id?: string;
  readonly isPoison: boolean;
  /**
   * The names of the consumers that receive the published message. The default is both consumers of `order.created`
   * events.
   */
  readonly consumers?: readonly string[];
  readonly options?: Options.Publish;
  /** The AMQP properties of the published message as encoded bytes. If these bytes are set, `options` is ignored. */
  readonly properties?: GivenProperties;
}

/** Publishes messages directly to the broker instead of placing orders over HTTP. */
export interface ForeignPublisher {
  publish(message: ForeignMessage): Promise<void>;
  /** Publishes `order.copies` identical `order.created` messages directly to the broker. */
  order(order: PlannedOrder, options?: Options.Publish): Promise<void>;
  close(): Promise<void>;
}

export function createForeignPublisher(amqpUrl: string, fault: string, ledger: Ledger): ForeignPublisher {
  let model: ChannelModel | undefined;
  let opened: Promise<ConfirmChannel> | undefined;
  let raw: Promise<RawPublisher> | undefined;

  async function open(): Promise<ConfirmChannel> {
    model = await connect(amqpUrl, { noDelay: true, timeout: 5_000 });
    const channel = await model.createConfirmChannel();
    const forget = () => (opened = undefined);
    for (const emitter of [model, channel]) emitter.on('error', forget).on('close', forget);
    return channel;
  }

  async function send(body: Buffer, { type = 'order.created', ...properties }: Options.Publish): Promise<Answer> {
    const channel = await (opened ??= open());
    return new Promise((resolve) => {
      const options = { persistent: true, mandatory: true, type, ...properties };
      channel.publish(exchanges.orders, type, body, options, (error) => resolve(error ? 'indeterminate' : 'accepted'));
    });
  }

  async function sendRaw(body: Buffer, properties: GivenProperties, id?: string): Promise<Answer> {
    raw ??= aRawPublisher(amqpUrl);
    const type = 'order.created';
    const messageId = id === undefined ? undefined : Buffer.from(id);
    const bytes = propertyBytes({ deliveryMode: Buffer.from([2]), ...properties, messageId, type: Buffer.from(type) });
    const isTaken = await (await raw).publish(exchanges.orders, type, bytes, body);
    return isTaken ? 'accepted' : 'indeterminate';
  }

  return {
    async publish({ body, id, isPoison, consumers = orderConsumers, options, properties }) {
      const payloadHash = createHash('sha256').update(body).digest('hex');
      const sent: SentMessage = { fault, id, payloadHash, consumers, isPoison, answer: 'indeterminate' };
      ledger.messages.push(sent);
      sent.answer = properties ? await sendRaw(body, properties, id) : await send(body, { messageId: id, ...options });
    },
    async order(order, options) {
      const id = randomUUID();
      const sent: SentOrder = { fault, order, id, answer: 'indeterminate' };
      ledger.orders.push(sent);
      const body = Buffer.from(JSON.stringify({ ...bodyOf(order), orderId: id }));
      const copies = Array.from({ length: order.copies }, () => send(body, { messageId: id, ...options }));
      if ((await Promise.all(copies)).includes('accepted')) sent.answer = 'accepted';
    },
    async close() {
      await (await raw)?.close();
      await model?.close().catch(() => {});
    },
  };
}
