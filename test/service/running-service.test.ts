import './orders.ts';
import './wire.ts';
import './readme.ts';
