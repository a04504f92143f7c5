export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Returns the AMQP URI with the user name and password of the login. */
export function withLogin(amqpUrl: string, { username, password }: Login): string {
  const address = new URL(amqpUrl);
  address.username = encodeURIComponent(username);
  address.password = encodeURIComponent(password);
  return address.href;
}

/**
 * Returns the user name and password of an AMQP URI, or RabbitMQ's default user `guest` if the AMQP URI has neither.
 */
export const loginOf = ({ username, password }: URL): Login =>
  username || password
    ? { username: percentDecoded(username), password: percentDecoded(password) }
    : { username: 'guest', password: 'guest' };

/** Decodes percent-encoded UTF-8 in a part of an AMQP URI. Invalid UTF-8 is left percent-encoded. */
export const percentDecoded = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });

/** Returns the virtual host of an AMQP URI, or `/` if the AMQP URI names none. */
export const virtualHostOf = (amqpUrl: string): string =>
  URL.canParse(amqpUrl) ? percentDecoded(new URL(amqpUrl).pathname.slice(1)) || '/' : '/';
