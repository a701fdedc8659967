// Smart Forms as a page uses it: one Questionnaire, and the response it holds at any time.
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { BaseRenderer, RendererThemeProvider, buildForm, getResponse, removeEmptyAnswersFromResponse } from "@aehrc/smart-forms-renderer";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";

window.show = async (questionnaire) => {
  await buildForm({ questionnaire });
  const form = createElement(RendererThemeProvider, null, createElement(BaseRenderer));
  const page = createElement(QueryClientProvider, { client: new QueryClient() }, form);
  createRoot(document.getElementById("form")).render(page);
};
window.response = async (questionnaire) => removeEmptyAnswersFromResponse(questionnaire, getResponse());
