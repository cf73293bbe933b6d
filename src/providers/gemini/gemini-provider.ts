import { createHttpProvider, type HttpProvider, type HttpProviderOptions, type HttpService } from '../http-provider.ts';
import { classifyDocument } from './classify-document.ts';
import { classifyError } from './classify-error.ts';
import { collectAnswer } from './collect-answer.ts';
import { GEMINI_DESCRIPTION } from './description.ts';
import { planCall } from './plan-call.ts';
import { writeContent } from './write-content.ts';

const GEMINI: HttpService = {
  description: GEMINI_DESCRIPTION,
  keyHeader: (apiKey) => ({ 'x-goog-api-key': apiKey }),
  collect: collectAnswer,
  plan(input) {
    const call = planCall(input);
    if (typeof call === 'string') return call;
    return {
      path: `/v1beta/models/${encodeURIComponent(call.model)}:generateContent`,
      contentType: 'application/json',
      content: writeContent(call.parts, call.generationConfig),
      judge: (answer) =>
        answer.kind === 'error' ? classifyError(answer, call.model, Date.now()) : classifyDocument(answer.document),
    };
  },
};

/** The adapter of Google's Gemini API (`generateContent`). It makes one call at a time per `submit` and never retries. */
export const createGeminiProvider = (options: HttpProviderOptions): HttpProvider => createHttpProvider(GEMINI, options);
