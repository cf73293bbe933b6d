import { randomBytes } from 'node:crypto';
import { createHttpProvider, type HttpProvider, type HttpProviderOptions, type HttpService } from '../http-provider.ts';
import { classifyDocument } from './classify-document.ts';
import { classifyError } from './classify-error.ts';
import { collectAnswer } from './collect-answer.ts';
import { OPENAI_DESCRIPTION } from './description.ts';
import { planCall } from './plan-call.ts';
import { writeForm } from './write-form.ts';

const OPENAI: HttpService = {
  description: OPENAI_DESCRIPTION,
  keyHeader: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  collect: collectAnswer,
  plan(input) {
    const call = planCall(input);
    if (typeof call === 'string') return call;
    const boundary = `photochanger-${randomBytes(16).toString('hex')}`;
    return {
      path: '/v1/images/edits',
      contentType: `multipart/form-data; boundary=${boundary}`,
      content: writeForm(call, boundary),
      judge: (answer) =>
        answer.kind === 'error' ? classifyError(answer, call.model, Date.now()) : classifyDocument(answer.document),
    };
  },
};

/**
 * The adapter of OpenAI's Image API (`images/edits`). It makes one call at a time per `submit` and never retries. The vendor's own
 * clients take the base address with `/v1`: both ways are understood.
 */
export const createOpenAiProvider = (options: HttpProviderOptions): HttpProvider =>
  createHttpProvider(OPENAI, { ...options, baseUrl: options.baseUrl.replace(/\/v1\/*$/, '') });
