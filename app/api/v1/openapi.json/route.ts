import { z } from 'zod';
import { config } from '#lib/config.ts';
import { type Endpoint, openApiDocument } from '#lib/contracts/openapi.ts';
import { type RouteHandler, route } from '#lib/http/route.ts';
import { ROUTES } from '../route-table.ts';

export const GET = route(
  { permission: 'signed-in', summary: 'This document', response: z.record(z.string(), z.unknown()) },
  () => {
    const endpoints = Object.entries(ROUTES).flatMap(([path, module]) =>
      Object.entries(module)
        .filter((exported): exported is [string, RouteHandler] => typeof exported[1] === 'function')
        .map(([method, { spec }]) => ({ ...spec, method, path }) as Endpoint),
    );
    return openApiDocument(endpoints, config().url);
  },
);
