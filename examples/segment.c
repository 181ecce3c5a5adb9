/* Words to a mask in twenty lines: segment IMAGE WORDS MASK.png */
#include <anatome/anatome.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    ana_context *context = NULL;
    ana_model *model = NULL;
    ana_session *session = NULL;
    ana_image *image = NULL;
    ana_result *result = NULL;
    ana_error error = {ANA_OK, "usage: segment IMAGE WORDS MASK.png"};
    const ana_prompt prompt = {.text = argc == 4 ? argv[2] : NULL};

    int failed = argc != 4 || ana_context_create(&context, NULL, &error) ||
                 ana_model_open(&model, "mini", &error) ||
                 ana_session_create(&session, model, context, &error) ||
                 ana_image_read(&image, argv[1], 0, &error) ||
                 ana_session_set_image(session, image, &error) ||
                 ana_segment(&result, session, &prompt, &error) ||
                 ana_result_write_mask(result, argv[3], &error);
    if (failed)
        fprintf(stderr, "%s\n", error.message);
    else
        printf("%s: %s\n", argv[2], ana_verdict_name(ana_result_get_info(result)->verdict));
    ana_result_free(result);
    ana_image_free(image);
    ana_session_free(session);
    ana_model_free(model);
    ana_context_free(context);
    return failed;
}
