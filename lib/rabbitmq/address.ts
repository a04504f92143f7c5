export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Returns the broker address with its login replaced by the given login. */
export function withLogin(amqpUrl: string, { username, password }: Login): string {
  const address = new URL(amqpUrl);
  address.username = encodeURIComponent(username);
  address.password = encodeURIComponent(password);
  return address.href;
}

/** Returns the login in a broker address, or RabbitMQ's default login if the broker address has none. */
export const loginOf = ({ username, password }: URL): Login =>
  username || password
    ? { username: percentDecoded(username), password: percentDecoded(password) }
    : { username: 'guest', password: 'guest' };

/** Decodes percent-encoded UTF-8 in a part of an address. Invalid sequences are left unchanged. */
export const percentDecoded = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });

/** Returns the virtual host in an AMQP address, or `/` if the AMQP address names none. */
export const virtualHostOf = (amqpUrl: string): string =>
  URL.canParse(amqpUrl) ? percentDecoded(new URL(amqpUrl).pathname.slice(1)) || '/' : '/';
