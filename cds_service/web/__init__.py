"""Pages for people: the start page, the patient's form, the content. All are rendered here, from
templates; none needs a script, and none takes anything from another origin."""
