// The OpenAPI 3.1 document, made of the same schemas that parse requests and answers.

import { z } from 'zod';
import { problem } from './common.ts';

export interface Endpoint {
  method: string;
  /** '/api/v1/vaults/{id}' */
  path: string;
  /** 'public', 'signed-in' or a permission. */
  permission: string;
  summary: string;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  response?: z.ZodType | 'stream';
  status?: number;
}

type Schema = Record<string, unknown>;

function schemaOf(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any', reused: 'inline' }) as Schema;
  return schema;
}

function parameters(type: z.ZodType | undefined, where: 'path' | 'query'): Schema[] {
  if (type === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(type, 'input') as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema,
    ...(schema.description ? { description: schema.description } : {}),
  }));
}

function operation(endpoint: Endpoint): Schema {
  const status = String(endpoint.status ?? (endpoint.response === undefined ? 204 : 200));
  const answer =
    endpoint.response === undefined
      ? { description: 'Done; no content' }
      : endpoint.response === 'stream'
        ? { description: endpoint.summary, content: { '*/*': {} } }
        : {
            description: endpoint.summary,
            content: { 'application/json': { schema: schemaOf(endpoint.response, 'output') } },
          };
  const [, , , noun = 'other'] = endpoint.path.split('/');
  return {
    operationId: `${endpoint.method.toLowerCase()}_${endpoint.path
      .replace(/^\/api\/(v1\/)?/, '')
      .replace(/[^a-z0-9]+/gi, '_')
      .replace(/_$/, '')}`,
    summary: endpoint.summary,
    tags: [noun],
    'x-permission': endpoint.permission,
    ...(endpoint.permission === 'public' ? { security: [] } : {}),
    parameters: [...parameters(endpoint.params, 'path'), ...parameters(endpoint.query, 'query')],
    ...(endpoint.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(endpoint.body, 'input') } },
          },
        }
      : {}),
    responses: { [status]: answer, default: { $ref: '#/components/responses/Problem' } },
  };
}

export function openApiDocument(endpoints: readonly Endpoint[], server: string): Schema {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {};
    (paths[endpoint.path] as Record<string, Schema>)[endpoint.method.toLowerCase()] = operation(endpoint);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: server }],
    security: [{ session: [] }],
    paths,
    components: {
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'holdfast.session_token' } },
      responses: {
        Problem: {
          description: 'What failed, on what, what to do (RFC 9457)',
          content: { 'application/problem+json': { schema: schemaOf(problem, 'output') } },
        },
      },
    },
  };
}
