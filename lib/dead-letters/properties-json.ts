import { decodeHeaders, headerInEvent, writeJson } from '../events/json-form.ts';
import type { Properties } from '../events/message.ts';

/** AMQP properties as JSON text, headers as an event shows them: nothing is lost, however deep they nest. */
export const writeProperties = ({ headers, ...rest }: Properties): string =>
  writeJson({
    ...rest,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerInEvent(value)])),
  });

export function readProperties(json: string): Properties {
  const { headers, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return { ...rest, headers: decodeHeaders(headers) };
}
