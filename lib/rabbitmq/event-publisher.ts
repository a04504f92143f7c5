import { eventMessage, type PublishEvent } from '../events/publish.ts';
import { startSending } from '../events/sending.ts';
import { serviceSettings } from '../runtime/service-settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { lazyPublisher } from './lazy-publisher.ts';

/**
 * Creates the function that publishes the events of a service. By default, the settings of the broker are read and the
 * AMQP client is loaded immediately: a Lambda function without a broker fails at its start, and publishing the first
 * event does not take longer. Therefore, define the route of a function that publishes in a separate file. Otherwise,
 * the function that returns the OpenAPI document, which imports the route, would need the settings of the broker too.
 */
export function eventPublisher(surehop: Surehop, publisher = lazyPublisher(surehop, { early: true })): PublishEvent {
  const { clock, settings, tracing } = surehop;
  const { SERVICE_NAME: appId } = settings(serviceSettings);
  return async (event, data, options) => {
    const message = eventMessage(event, data, { ...options, appId, publishedAtMs: clock.now() });
    const sending = startSending(tracing, message, { parent: options.trace });
    await publisher.publish(sending.message).then(
      () => sending.end(),
      (error: unknown) => {
        sending.end(error);
        throw error;
      },
    );
  };
}
