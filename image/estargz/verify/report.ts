/** How a verifier says what is wrong. */

/** @param path text form, of the entry that it is about */
export type Report = (message: string, path?: string) => void
