// The FHIR server, read and written as an EHR's own page does.

import { ask, Problem, send } from "./asking.js";

const MOST_PAGES = 20;
const FHIR_JSON = "application/fhir+json";

export class Fhir {
  constructor(base) {
    this.base = base;
  }

  read(path) {
    return ask(`${this.base}/${path}`, { headers: { Accept: FHIR_JSON } });
  }

  /** A search with all its pages as one searchset Bundle. */
  async search(query) {
    const bundle = await this.read(query);
    bundle.entry ??= [];
    for (let page = 1, next = nextOf(bundle); next; page += 1) {
      if (page === MOST_PAGES || !next.startsWith(this.base)) throw new Problem("The chart has too many pages.");
      const more = await ask(next, { headers: { Accept: FHIR_JSON } });
      bundle.entry.push(...(more.entry ?? []));
      next = nextOf(more);
    }
    bundle.link = (bundle.link ?? []).filter((link) => link.relation !== "next");
    return bundle;
  }

  /** The resources a search finds. */
  async find(query) {
    const { entry } = await this.search(query);
    return entry.filter((found) => (found.search?.mode ?? "match") === "match").map((found) => found.resource);
  }

  /** Creates a resource; the server gives it its own id. */
  create(resource) {
    const { id, ...rest } = resource;
    return send("POST", `${this.base}/${resource.resourceType}`, rest, FHIR_JSON);
  }

  update(resource) {
    return send("PUT", `${this.base}/${resource.resourceType}/${resource.id}`, resource, FHIR_JSON);
  }
}

function nextOf(bundle) {
  return bundle.link?.find((link) => link.relation === "next")?.url;
}
