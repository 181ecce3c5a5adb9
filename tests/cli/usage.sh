# Help for everything, and wrong command lines end with status 2 and say how it should be.
. "$(dirname "$0")/lib.sh"

run 2
has err "usage: anatome COMMAND"
run 0 --help
has out "Research use only. Not a medical device."
run 0 --version
has out "anatome "
run 2 frobnicate
has err 'there is no command "frobnicate"'
for command in segment eval train models info bench; do
    run 0 $command --help
    has out "usage: anatome $command"
    has out "Examples:"
    has out "Research use only. Not a medical device."
    run 0 help --man $command
    has out ".SH SYNOPSIS"
    run 2 $command --frobnicate
    has err "unknown option --frobnicate"
    has err "usage: anatome $command"
done

run 2 segment
has err "no image was named"
run 2 segment a.png
has err "nothing was asked"
run 2 segment a.png --text ""
run 2 segment a.png --text "  "
has err "--text is empty"
run 2 segment a.png --text
has err "--text needs a value"
for box in 1,2,3 1,2,3,4,5 5,5,5,9 9,9,1,1 a,b,c,d 1,2,3,nan 1,2,3,4x; do
    run 2 segment a.png --box $box
    has err "\"$box\" is no box"
done
for point in 1 1,2,3 x,y 1,2,-- inf,1; do
    run 2 segment a.png --point $point
    has err "\"$point\" is no point"
done
run 2 segment a.png -t lungs --threads -1
run 2 segment a.png -t lungs --threads=x
run 2 segment a.png -t lungs --num-parts 2 --part-id 2
has err "--part-id must be below --num-parts"
run 2 segment a.png b.png -t lungs -o mask.png
has err "names one file, but there are 2 images"
run 2 segment a.png -t lungs --overlay=yes
has err "takes no value"
run 2 eval --split val
has err "--manifest is needed"
run 2 eval --manifest x.csv --by smell
run 2 info
