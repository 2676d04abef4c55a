/** One request to Airbyte: sent, and its answer told apart from a {@link ProblemError}. */
import type { IDataObject, IHttpRequestMethods, IHttpRequestOptions } from 'n8n-workflow';

import type { Address } from './addresses';
import { unstreamed } from './answerStream';
import { problemInAnswer } from './answers';
import type { Answer, CallContext, Purpose } from './call';
import { USER_AGENT, callContext, isSuccess, timeouts } from './call';
import type { AirbyteCredential } from './credential';
import { problemInFault } from './faults';
import { ProblemError } from './problem';
import type { Send } from './send';
import { refusal } from './send';

export interface Request extends Purpose {
	method: IHttpRequestMethods;
	path: string;
	qs?: IDataObject;
	body?: IDataObject;
	timeout?: number;
	/** Whether its answer is to be read piece by piece. */
	isStreamed?: boolean;
}

export interface Answered {
	answer: Answer;
	call: CallContext;
}

/** Requests of one credential at one Airbyte. */
export class Requests {
	constructor(
		readonly credential: AirbyteCredential,
		readonly address: Address,
		readonly send: Send,
	) {}

	/** @throws {ProblemError} where Airbyte, or what stands in front of it, does not answer with success */
	async answered(request: Request): Promise<Answered> {
		const { method, path, qs, body, timeout = timeouts.read, isStreamed } = request;
		const url = (request.isConfigApi ? this.address.configApi : this.address.publicApi) + path;
		const call = callContext(this.credential, url, request);
		const answer = await this.answerTo(call, {
			method,
			url,
			qs,
			body,
			timeout,
			json: true,
			...(isStreamed && { encoding: 'stream' as const }),
			headers: { 'User-Agent': USER_AGENT },
			returnFullResponse: true,
			disableFollowRedirect: true,
		});
		if (!isSuccess(answer)) throw new ProblemError(problemInAnswer(answer, call));
		return { answer, call };
	}

	private async answerTo(call: CallContext, request: IHttpRequestOptions): Promise<Answer> {
		return await this.send(request, call.secrets).then(
			async (answer) => await unstreamed(answer as Answer),
			async (fault) => {
				const answer = refusal(fault);
				throw new ProblemError(
					answer ? problemInAnswer(await unstreamed(answer), call) : problemInFault(fault, call),
				);
			},
		);
	}
}
