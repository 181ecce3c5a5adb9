/* HTML and SVG as text. What is written is well-formed XML too: every attribute is quoted and every
 * element closed, so that any checker can read it. */
#ifndef ANA_REPORT_HTML_H
#define ANA_REPORT_HTML_H

#include "base/text.h"

/* Fit for content and for attributes in double quotes: & < > " ' become references, and what XML
 * cannot hold (control characters, bytes that are no UTF-8) becomes U+FFFD. */
void html_text(struct text *out, const char *string);
/* printf, then html_text(); cut after 1023 bytes. */
void html_textf(struct text *out, const char *format, ...) PRINTF_LIKE(2, 3);

/* <tag attributes>text</tag> and a line break; attributes are markup of the caller's, "" for none.
 */
void html_element(struct text *out, const char *tag, const char *attributes, const char *string);

/* "0.823", or a dash for what does not exist. */
void html_number(struct text *out, double value, int digits);

#endif
