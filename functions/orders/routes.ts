import type { Route } from 'surehop/http';
import { route as getOrder } from './get-order.ts';
import { route as getOrderTimeline } from './get-order-timeline.ts';
import { route as getPoints } from './get-points.ts';
import { route as getStock } from './get-stock.ts';
import { route as placeOrder } from './place-order-route.ts';
import { route as putStock } from './put-stock.ts';

/** The HTTP routes of orders, stock and points, in the order of the OpenAPI document. */
export const orderRoutes: readonly Route[] = [placeOrder, getOrder, getOrderTimeline, putStock, getStock, getPoints];
