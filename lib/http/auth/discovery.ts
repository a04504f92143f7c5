import type { FetchImplementation } from 'jose';
import * as z from 'zod';

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });

/** Where an OpenID provider says where its keys are (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig). */
export const metadataUrl = (issuer: string): URL =>
  new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

/** Fetches the keys of an OpenID provider from where its metadata, at the URL, says that they are; providers differ in it. */
export const fetchByMetadata =
  (issuer: string): FetchImplementation =>
  async (url, options) => {
    const response = await fetch(url, options);
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${url} answered ${response.status}: it must have the metadata of an OpenID provider`);
    }
    const { issuer: named, jwks_uri: keysUrl } = metadata.parse(await response.json());
    // Whoever else answers here could name keys of its own.
    if (named !== issuer) throw new Error(`${url} is of the issuer "${named}", not of "${issuer}"`);
    const { protocol } = new URL(keysUrl);
    if (protocol !== 'https:' && protocol !== new URL(issuer).protocol)
      throw new Error(`${url} has its keys at ${keysUrl}: they must be read over https`);
    return fetch(keysUrl, options);
  };
