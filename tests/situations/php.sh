#!/bin/sh
# usage: php.sh LIBASHLAR
# PHP opens its extensions with RTLD_DEEPBIND. If these get libc's malloc, PHP
# crashes at the first block that an extension frees.
set -eu
if ! command -v php >/dev/null; then
    echo "skipped: php is not installed (Debian: php-cli)"
    exit 77
fi
if ! php -r 'exit(extension_loaded("ctype") ? 0 : 1);'; then
    echo "skipped: php has no ctype extension"
    exit 77
fi
# USE_ZEND_ALLOC=0: every block of PHP comes from malloc.
for zend in 0 1; do
    result=$(USE_ZEND_ALLOC=$zend LD_PRELOAD=$1 php -r '
        $all = [];
        for ($i = 0; $i < 20000; $i++) {
            $all[] = json_decode(json_encode(["i" => $i, "s" => str_repeat("x", $i % 300), "a" => range(0, $i % 20)]), true);
            if ($i % 3 == 0) unset($all[array_rand($all)]);
        }
        $sum = 0;
        foreach ($all as $one) {
            if (!ctype_digit((string)$one["i"]) || count($one["a"]) != $one["i"] % 20 + 1) exit(1);
            $sum += strlen($one["s"]) - $one["i"] % 300;
        }
        preg_match_all("/(\d+)-(\w+)/", str_repeat("12-ab ", 1000), $found);
        $d = new DateTime("2020-02-29");
        echo $sum, " ", count($found[0]), " ", $d->format("L"), " ok";')
    [ "$result" = "0 1000 1 ok" ] || { echo "php.sh: wrong result with USE_ZEND_ALLOC=$zend: $result" >&2; exit 1; }
done
