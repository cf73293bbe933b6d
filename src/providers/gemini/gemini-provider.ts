import {
  createHttpProvider,
  type HttpProvider,
  type HttpProviderOptions,
  type HttpService,
  type PicturelessAnswer,
  type StagedContent,
} from '../http-provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { Verdict } from '../verdict.ts';
import { chooseUploads } from './choose-uploads.ts';
import { classifyDocument } from './classify-document.ts';
import { classifyError } from './classify-error.ts';
import { collectAnswer } from './collect-answer.ts';
import { GEMINI_DESCRIPTION } from './description.ts';
import { type PlannedCall, planCall } from './plan-call.ts';
import { stageImages } from './stage-images.ts';
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
      content: contentOf(call),
      judge: (answer) => judge(answer, call.model),
    };
  },
};

function contentOf({ parts, generationConfig }: PlannedCall): RequestContent | StagedContent {
  const images = parts.flatMap((part) => (part.kind === 'image' ? [part.image] : []));
  const uploads = chooseUploads(images);
  if (uploads.length === 0) return writeContent(parts, generationConfig);
  return stageImages({ images, uploads, write: (files) => writeContent(parts, generationConfig, files) });
}

function judge(answer: PicturelessAnswer, model: string): Verdict {
  return answer.kind === 'error' ? classifyError(answer, Date.now(), model) : classifyDocument(answer.document);
}

/**
 * The adapter of Google's Gemini API (`generateContent`, and the Files API for what does not fit into a request). It makes one call at
 * a time per `submit` and never retries.
 */
export const createGeminiProvider = (options: HttpProviderOptions): HttpProvider => createHttpProvider(GEMINI, options);
