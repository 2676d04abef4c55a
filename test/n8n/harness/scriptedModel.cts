import fastify from 'fastify';
import type { IDataObject } from 'n8n-workflow';

/** What the model asks a tool for. */
export interface ToolCall {
	tool: string;
	input: IDataObject;
}

/** A turn of the model: a call of a tool, or its last words. It is told what its calls so far gave. */
export type Turn = (told: string[]) => ToolCall | string;

/** A tool as the model sees it. */
interface OfferedTool {
	name: string;
	description: string;
	parameters: { properties: Record<string, IDataObject> };
}

interface ChatRequest {
	model: string;
	messages: Array<{ role: string; content: unknown }>;
	tools?: Array<{ function: OfferedTool }>;
}

/** Speaks as much of OpenAI's chat completions API as n8n's model node needs, and follows a script. */
export class ScriptedModel {
	private readonly app = fastify({ forceCloseConnections: true });

	private lastRequest?: ChatRequest;

	private constructor(private readonly turns: Turn[]) {
		this.app.post('/v1/chat/completions', async ({ body }) => this.answer(body as ChatRequest));
	}

	static async start(...turns: Turn[]): Promise<ScriptedModel> {
		const model = new ScriptedModel(turns);
		await model.app.listen({ host: '127.0.0.1', port: 0 });
		return model;
	}

	async stop(): Promise<void> {
		await this.app.close();
	}

	/** What n8n calls the base URL. */
	get url(): string {
		return `${this.app.listeningOrigin}/v1`;
	}

	/** What n8n offers to it. */
	get tools(): OfferedTool[] {
		return (this.lastRequest?.tools ?? []).map((tool) => tool.function);
	}

	/** What its calls gave, in order. */
	get told(): string[] {
		return toldIn(this.lastRequest);
	}

	private answer(request: ChatRequest) {
		this.lastRequest = request;
		const told = toldIn(request);
		const turn = this.turns.at(told.length);
		if (!turn) throw new Error('The model was asked for more turns than its script has');
		return completion(request.model, `call-${told.length + 1}`, turn(told));
	}
}

function toldIn(request?: ChatRequest): string[] {
	const results = (request?.messages ?? []).filter(({ role }) => role === 'tool');
	return results.map(({ content }) =>
		typeof content === 'string' ? content : JSON.stringify(content),
	);
}

function completion(model: string, callId: string, said: ToolCall | string) {
	const message =
		typeof said === 'string'
			? { role: 'assistant', content: said }
			: { role: 'assistant', content: null, tool_calls: [toolCall(callId, said)] };
	return {
		id: 'completion',
		object: 'chat.completion',
		created: 0,
		model,
		choices: [
			{ index: 0, message, finish_reason: typeof said === 'string' ? 'stop' : 'tool_calls' },
		],
		usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
	};
}

function toolCall(id: string, { tool, input }: ToolCall) {
	return {
		id,
		type: 'function',
		function: { name: tool, arguments: JSON.stringify(input) },
	};
}
