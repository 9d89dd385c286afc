/** A pattern that matches this text and nothing else: of a regular expression without flags for Unicode, and of RE2. */
export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
