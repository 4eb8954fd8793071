/* A shared library that has nothing to do with squeezed. */
#include "squeezed_plugin.h"

const SqzPlugin *some_other_entry(void) {
    return 0;
}
