import fastify from 'fastify';
import { parse } from 'protobufjs';

/** One span, with its attributes by name. */
export interface Span {
	traceId: string;
	name: string;
	attributes: Record<string, unknown>;
}

/** Takes the spans that a program exports by OTLP over HTTP, as an OpenTelemetry collector does. */
export class SpanReceiver {
	readonly spans: Span[] = [];
	/** Where it listens. */
	url = '';
	private readonly app = fastify({ forceCloseConnections: true });

	private constructor() {
		const keep = async (_request: unknown, body: Buffer) => await Promise.resolve(body);
		this.app.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, keep);
		this.app.post<{ Body: Buffer }>('/v1/traces', async ({ body }) => this.take(body));
	}

	static async start(): Promise<SpanReceiver> {
		const receiver = new SpanReceiver();
		receiver.url = await receiver.app.listen({ host: '127.0.0.1', port: 0 });
		return receiver;
	}

	async stop(): Promise<void> {
		await this.app.close();
	}

	private take(body: Buffer): Buffer {
		const { resourceSpans } = request.toObject(request.decode(body), DECODED) as Export;
		const spans = resourceSpans.flatMap(({ scopeSpans }) =>
			scopeSpans.flatMap((scope) => scope.spans),
		);
		for (const { traceId, name, attributes } of spans) {
			const entries = attributes.map(({ key, value }) => [key, Object.values(value)[0]] as const);
			this.spans.push({ traceId, name, attributes: Object.fromEntries(entries) });
		}
		return Buffer.alloc(0);
	}
}

interface Export {
	resourceSpans: Array<{ scopeSpans: Array<{ spans: SentSpan[] }> }>;
}

interface SentSpan {
	traceId: string;
	name: string;
	attributes: Array<{ key: string; value: Record<string, unknown> }>;
}

const DECODED = { arrays: true, bytes: String, longs: Number };

/** As much of OTLP's messages as is read here, by the numbers of its specification; the rest is skipped. */
const request = parse(`
	syntax = "proto3";
	message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
	message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
	message ScopeSpans { repeated Span spans = 2; }
	message Span {
		bytes trace_id = 1;
		string name = 5;
		repeated KeyValue attributes = 9;
	}
	message KeyValue { string key = 1; AnyValue value = 2; }
	message AnyValue {
		oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
	}
`).root.lookupType('ExportTraceServiceRequest');
