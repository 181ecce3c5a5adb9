/* Medical images, words, boxes and points in; masks out. This header includes all others.
 *
 * Research use only. Not a medical device.
 */
#ifndef ANATOME_ANATOME_H
#define ANATOME_ANATOME_H

#include "anatome/bench.h"
#include "anatome/context.h"
#include "anatome/evaluate.h"
#include "anatome/image.h"
#include "anatome/model.h"
#include "anatome/segment.h"
#include "anatome/status.h"
#include "anatome/train.h"
#include "anatome/version.h"

#endif
