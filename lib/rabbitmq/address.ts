/** Who logs in at the broker. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The address with the login in it. */
export function withLogin(amqpUrl: string, { username, password }: Login): string {
  const address = new URL(amqpUrl);
  address.username = encodeURIComponent(username);
  address.password = encodeURIComponent(password);
  return address.href;
}

/** The login in an address; without one, RabbitMQ's own default. */
export const loginOf = ({ username, password }: URL): Login =>
  username || password
    ? { username: percentDecoded(username), password: percentDecoded(password) }
    : { username: 'guest', password: 'guest' };

/** A part of an address as it was before it was percent-encoded in UTF-8. A `%` that encodes nothing stands for itself. */
export const percentDecoded = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
