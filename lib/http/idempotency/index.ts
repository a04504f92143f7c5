export { canonical } from './canonical.ts';
export { idempotencyKey } from './idempotency-key.ts';
export { createOncePerKey, type OncePerKey } from './once-per-key.ts';
