/** The bundled script of a page, and the style sheets that the script imports. */
declare module 'browser:*' {
  export const script: string;
  export const style: string;
}

declare module '*.css';
