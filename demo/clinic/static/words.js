// FHIR values in words.

/** The words of a CodeableConcept. */
export function concept(value) {
  return value?.text ?? value?.coding?.find((coding) => coding.display)?.display ?? value?.coding?.[0]?.code ?? "";
}

/** A date or an instant as people write it, in the reader's own time. */
export function moment(value) {
  if (!value) return "";
  if (value.length <= 10) return value;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** The value of an Observation. */
export function result(observation) {
  const quantity = observation.valueQuantity;
  const value = quantity ? `${quantity.value} ${quantity.unit ?? ""}` : concept(observation.valueCodeableConcept) || observation.valueString;
  return value || concept(observation.interpretation?.[0]) || "see report";
}

/** The value of one answer of a QuestionnaireResponse. */
export function answer(given) {
  if (given.valueCoding) return given.valueCoding.display ?? given.valueCoding.code;
  const [value] = Object.entries(given).filter(([key]) => key.startsWith("value")).map(([, found]) => found);
  return String(value ?? "");
}

/** A person's name. */
export function personName(patient) {
  const [name] = patient.name ?? [];
  return name?.text ?? [...(name?.given ?? []), name?.family].filter(Boolean).join(" ") ?? patient.id;
}

/** Whole years since a birth date. */
export function age(birthDate) {
  const [born, now] = [new Date(birthDate), new Date()];
  const before = now.getMonth() < born.getMonth() || (now.getMonth() === born.getMonth() && now.getDate() < born.getDate());
  return now.getFullYear() - born.getFullYear() - (before ? 1 : 0);
}
