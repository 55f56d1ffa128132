# The name of the installation, where its zone is in Route 53. A record that stands there already is not overwritten.
resource "aws_route53_record" "server" {
  count = var.dns_zone_id == "" ? 0 : 1

  zone_id = var.dns_zone_id
  name    = var.domain
  type    = "A"
  ttl     = var.dns_ttl_seconds
  records = [aws_eip.server.public_ip]
}
