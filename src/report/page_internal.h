/* What the files of the page share. */
#ifndef ANA_REPORT_PAGE_INTERNAL_H
#define ANA_REPORT_PAGE_INTERNAL_H

extern const char page_style[]; /* the style sheet; holds no character that needs escaping */

/* Stands in the head of each report's page, and tells a report from anybody's other folder. */
#define PAGE_MARK "<meta name=\"generator\" content=\"anatome eval --report\" />"

#endif
