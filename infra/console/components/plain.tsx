import { partsOf } from '../plain-text.ts';

/**
 * Shows a text that comes from a message. The direction of the text does not affect its surroundings, and invisible
 * characters are shown by name.
 */
export function Plain({ text }: { readonly text: string }) {
  return (
    <bdi class="plain">
      {partsOf(text).map((part, index) =>
        typeof part === 'string' ? (
          part
        ) : (
          <span key={index} class="unseen">
            {part.name}
          </span>
        ),
      )}
    </bdi>
  );
}
