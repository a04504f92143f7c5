import './console.ts';
import './traces.ts';
import './restarts.ts';
