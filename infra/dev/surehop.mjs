#!/usr/bin/env node
// The command line `surehop <command> [arguments]`, which works in every project that uses Surehop.
import { checkPreconditions, prepareProcess } from './launch.mjs';
import { findProject } from './project/find-project.mjs';

const args = process.argv.slice(2);
const root = findProject(process.cwd());
checkPreconditions(args[0], root);
prepareProcess(args[0], root);
// The published package contains compiled commands, which start in half the time without tsx.
if (import.meta.url.endsWith('.mjs')) await import('tsx');
const { main } = await import('./main.ts');
await main(args);
