// LHC-Forms as a page uses it: one Questionnaire, and the response it holds at any time.
window.show = (questionnaire) => {
  const form = LForms.Util.convertFHIRQuestionnaireToLForms(questionnaire, "R4");
  return LForms.Util.addFormToPage(form, "form");
};
window.response = async () => LForms.Util.getFormFHIRData("QuestionnaireResponse", "R4", document.getElementById("form"));
